import { useRefusalOf } from '../session.ts';
import { KeyList } from './key-list.tsx';
import { KeyLog } from './key-log.tsx';
import { NewKey } from './new-key.tsx';

/** Who may do what, and who did what. */
export function Keys() {
  const notAllowed = useRefusalOf('merchant');
  if (notAllowed !== null)
    return (
      <div className="stack">
        <h1>Keys</h1>
        <p className="quiet">{notAllowed}: keys and the log are shown to merchants.</p>
      </div>
    );
  return (
    <div className="stack wide">
      <h1>Keys</h1>
      <div className="columns">
        <KeyList />
        <NewKey />
      </div>
      <KeyLog />
    </div>
  );
}

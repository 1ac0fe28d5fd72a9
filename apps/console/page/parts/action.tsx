import { type ReactNode, useId } from 'react';
import type { KeyScope } from '../records.ts';
import { useRefusalOf } from '../session.ts';

interface ActionProps {
  children: ReactNode;
  /** What a key must be allowed; without one, everybody may. */
  scope?: KeyScope;
  onClick?: () => void;
  kind?: 'plain' | 'primary' | 'danger';
  type?: 'button' | 'submit';
  busy?: boolean;
  /** Why it cannot be done now. */
  refusal?: string | null;
}

/** A button that says why it does nothing: it stays reachable by keyboard, so that the reason is too. */
export function Action({ scope, refusal = null, ...rest }: ActionProps) {
  return scope === undefined ? (
    <Button {...rest} refusal={refusal} />
  ) : (
    <Scoped {...rest} scope={scope} refusal={refusal} />
  );
}

function Scoped({ scope, refusal, ...rest }: ActionProps & { scope: KeyScope }) {
  const notAllowed = useRefusalOf(scope);
  return <Button {...rest} refusal={notAllowed ?? refusal ?? null} />;
}

function Button({ children, onClick, kind = 'plain', type = 'button', busy = false, refusal }: ActionProps) {
  const reason = useId();
  const stopped = refusal !== null && refusal !== undefined;
  return (
    <>
      <button
        type={type}
        className={`button ${kind}`}
        aria-disabled={stopped || busy}
        aria-busy={busy}
        aria-describedby={stopped ? reason : undefined}
        title={refusal ?? undefined}
        onClick={(event) => {
          if (stopped || busy) event.preventDefault();
          else onClick?.();
        }}
      >
        {children}
      </button>
      {stopped && (
        <span id={reason} className="unseen">
          {refusal}
        </span>
      )}
    </>
  );
}

import { useState } from 'react';
import { Action } from './action.tsx';
import { Dialog } from './dialog.tsx';

interface ShownOnceProps {
  title: string;
  secret: string;
  onClose(): void;
}

/** A key or a secret, at the only time that anybody sees it. */
export function ShownOnce({ title, secret, onClose }: ShownOnceProps) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(secret).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="stack">
        <p>
          <b>It is shown this once.</b> Write it down where it is used.
        </p>
        <output className="key">{secret}</output>
        <div className="buttons end">
          <Action onClick={() => void copy()}>{copied ? 'Copied' : 'Copy'}</Action>
          <Action kind="primary" onClick={onClose}>
            I have it
          </Action>
        </div>
      </div>
    </Dialog>
  );
}

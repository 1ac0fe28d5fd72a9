import type { ReactNode } from 'react';
import { messageOf } from '../ask.ts';

export function Complaint({ children }: { children: ReactNode }) {
  return (
    <p className="notice bad" role="alert">
      <span aria-hidden="true">✕</span> <span>{children}</span>
    </p>
  );
}

export function Note({ children }: { children: ReactNode }) {
  return <p className="notice">{children}</p>;
}

/** What stands where answers are awaited, or did not come. */
export function Waiting({ error }: { error: unknown }) {
  return error === null || error === undefined ? (
    <p className="quiet" role="status">
      Looking …
    </p>
  ) : (
    <Complaint>{messageOf(error)}</Complaint>
  );
}

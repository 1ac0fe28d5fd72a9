import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, messageOf, Problem } from '../ask.ts';
import { Action } from '../parts/action.tsx';
import { Field } from '../parts/field.tsx';
import { Mark } from '../parts/mark.tsx';
import { Complaint, Note } from '../parts/notice.tsx';
import type { SessionRecord } from '../records.ts';

interface SignInProps {
  /** A session was over, or its key was revoked. */
  ended: boolean;
  onSignedIn(session: SessionRecord): void;
}

export function SignIn({ ended, onSignedIn }: SignInProps) {
  const [key, setKey] = useState('');
  const signing = useMutation({
    mutationFn: () => ask<SessionRecord>('POST', '/v1/session', { body: { key: key.trim() } }),
    onSuccess: onSignedIn,
  });
  return (
    <main className="sign-in">
      <form
        className="card stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (key.trim() !== '') signing.mutate();
        }}
      >
        <h1>
          <Mark /> Holdfast console
        </h1>
        {ended && !signing.isError && (
          <Note>Your session is over, or its key was revoked. Sign in again.</Note>
        )}
        <Field
          label="Key"
          type="password"
          autoComplete="current-password"
          autoFocus
          required
          value={key}
          onChange={(event) => setKey(event.target.value)}
          hint="The admin key that was printed at the start, or one that you were given."
        />
        {signing.isError && <Complaint>{wordsFor(signing.error)}</Complaint>}
        <Action type="submit" kind="primary" busy={signing.isPending}>
          Sign in
        </Action>
      </form>
    </main>
  );
}

function wordsFor(error: unknown): string {
  if (error instanceof Problem && error.code === 'unauthorized') return 'This key is wrong, or was revoked.';
  if (error instanceof Problem && error.code === 'rate_limited')
    return 'Too many wrong keys came from here. Wait a minute, then try again.';
  return messageOf(error);
}

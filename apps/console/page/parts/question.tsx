import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { messageOf } from '../ask.ts';
import { Action } from './action.tsx';
import { Dialog } from './dialog.tsx';
import { Complaint } from './notice.tsx';

interface QuestionProps {
  title: string;
  /** What will happen, and what of it cannot be taken back. */
  children: ReactNode;
  /** What the button says: what it does. */
  yes: string;
  kind?: 'primary' | 'danger';
  /** What has to be typed first, where a slip would be dear. */
  typed?: string;
  /** Called with a key of this question's own: however often the button is pressed, it is done once. */
  onYes(idempotencyKey: string): Promise<unknown>;
  onClose(): void;
}

/** Asked before what cannot be undone, and around what needs a number. Closes when it is done. */
export function Question({ title, children, yes, kind = 'primary', typed, onYes, onClose }: QuestionProps) {
  const [key] = useState(() => crypto.randomUUID());
  const [text, setText] = useState('');
  const doing = useMutation({ mutationFn: () => onYes(key), onSuccess: onClose });
  const missing = typed !== undefined && text.trim() !== typed;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!missing && !doing.isPending) doing.mutate();
        }}
      >
        <div className="stack">{children}</div>
        {typed !== undefined && (
          <label className="field">
            <span>
              Type <code>{typed}</code> to go on
            </span>
            <input
              value={text}
              onChange={(event) => setText(event.target.value)}
              autoComplete="off"
              spellCheck={false}
            />
          </label>
        )}
        {doing.isError && <Complaint>{messageOf(doing.error)}</Complaint>}
        <div className="buttons end">
          <Action onClick={onClose}>Not now</Action>
          <Action
            type="submit"
            kind={kind}
            busy={doing.isPending}
            refusal={missing ? `Type ${typed} first` : null}
          >
            {yes}
          </Action>
        </div>
      </form>
    </Dialog>
  );
}

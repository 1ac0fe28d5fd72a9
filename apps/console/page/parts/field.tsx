import { type ComponentProps, useId } from 'react';

type FieldProps = ComponentProps<'input'> & {
  label: string;
  hint?: string;
};

export function Field({ label, hint, ...input }: FieldProps) {
  const hintId = useId();
  return (
    <label className="field">
      <span>{label}</span>
      <input {...input} aria-describedby={hint === undefined ? undefined : hintId} />
      {hint !== undefined && (
        <small id={hintId} className="quiet">
          {hint}
        </small>
      )}
    </label>
  );
}

export function Tick({ label, ...input }: ComponentProps<'input'> & { label: string }) {
  return (
    <label className="tick">
      <input type="checkbox" {...input} />
      <span>{label}</span>
    </label>
  );
}

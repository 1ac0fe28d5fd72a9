import type { ReactNode } from 'react';

interface TileProps {
  name: string;
  children: ReactNode;
  note?: ReactNode;
  tone?: 'plain' | 'warn' | 'bad';
}

export function Tile({ name, children, note, tone = 'plain' }: TileProps) {
  return (
    <div className={`tile ${tone}`}>
      <dt>{name}</dt>
      <dd>
        <strong>{children}</strong>
        {note !== undefined && <small>{note}</small>}
      </dd>
    </div>
  );
}

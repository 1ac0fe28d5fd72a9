import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { ask, Problem, signedOut } from './ask.ts';
import { Action } from './parts/action.tsx';
import { Mark } from './parts/mark.tsx';
import { Waiting } from './parts/notice.tsx';
import type { SessionRecord } from './records.ts';
import { hrefs, type Place, usePlace } from './route.ts';
import { Session } from './session.ts';
import { applyTheme, readTheme, type Theme, themes } from './theme.ts';
import { Keys } from './views/keys.tsx';
import { NewSale } from './views/new-sale.tsx';
import { Queues } from './views/queues.tsx';
import { Sale } from './views/sale.tsx';
import { Sales } from './views/sales.tsx';
import { SignIn } from './views/sign-in.tsx';
import { Ticket } from './views/ticket.tsx';
import { Webhooks } from './views/webhooks.tsx';

export function App() {
  const queries = useQueryClient();
  const [ended, setEnded] = useState(false);
  const session = useQuery({
    queryKey: ['session'],
    queryFn: async () => ask<SessionRecord>('GET', '/v1/session').catch(nobody),
    staleTime: Number.POSITIVE_INFINITY,
  });

  useEffect(() => {
    const end = () => {
      if (queries.getQueryData(['session']) === null) return;
      setEnded(queries.getQueryData(['session']) !== undefined);
      queries.setQueryData(['session'], null);
    };
    addEventListener(signedOut, end);
    return () => removeEventListener(signedOut, end);
  }, [queries]);

  if (session.data === undefined)
    return (
      <main className="page">
        <Waiting error={session.error} />
      </main>
    );
  if (session.data === null)
    return (
      <SignIn
        ended={ended}
        onSignedIn={(record) => {
          setEnded(false);
          begin(queries, record);
        }}
      />
    );
  return (
    <Session value={session.data}>
      <Shell session={session.data} />
    </Session>
  );
}

/** What one key was shown is not kept for the next. */
function begin(queries: QueryClient, session: SessionRecord | null): void {
  queries.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
  queries.setQueryData(['session'], session);
}

function nobody(error: unknown): null {
  if (error instanceof Problem && error.status === 401) return null;
  throw error;
}

function Shell({ session }: { session: SessionRecord }) {
  const place = usePlace();
  const queries = useQueryClient();
  const signOut = async () => {
    await ask('DELETE', '/v1/session');
    begin(queries, null);
  };
  return (
    <>
      <a className="skip" href="#content" onClick={skipToContent}>
        To the content
      </a>
      <header className="topbar">
        <a className="brand" href={hrefs.sales}>
          <Mark /> Holdfast
        </a>
        <nav aria-label="Console">
          <NavLink href={hrefs.sales} here={['sales', 'sale', 'new-sale', 'ticket'].includes(place.view)}>
            Sales
          </NavLink>
          <NavLink href={hrefs.queues} here={place.view === 'queues'}>
            Queues
          </NavLink>
          <NavLink href={hrefs.webhooks} here={place.view === 'webhooks'}>
            Webhooks
          </NavLink>
          <NavLink href={hrefs.keys} here={place.view === 'keys'}>
            Keys
          </NavLink>
        </nav>
        <div className="who">
          <span className="quiet" title={`May: ${session.scopes.join(', ')}`}>
            {session.name}
            {!session.scopes.includes('operate') && !session.scopes.includes('merchant') && ' (reads only)'}
          </span>
          <ThemeChoice />
          <Action onClick={() => void signOut()}>Sign out</Action>
        </div>
      </header>
      <main className="page" id="content" tabIndex={-1}>
        <View place={place} />
      </main>
    </>
  );
}

/** The address is the place on the page, so the link moves the focus and leaves the address alone. */
function skipToContent(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.querySelector<HTMLElement>('#content')?.focus();
}

function View({ place }: { place: Place }) {
  switch (place.view) {
    case 'sales':
      return <Sales />;
    case 'new-sale':
      return <NewSale />;
    case 'sale':
      return <Sale key={place.saleId} saleId={place.saleId} />;
    case 'ticket':
      return <Ticket key={place.ticketId} ticketId={place.ticketId} />;
    case 'queues':
      return <Queues />;
    case 'webhooks':
      return <Webhooks />;
    case 'keys':
      return <Keys />;
  }
}

function NavLink({ href, here, children }: { href: string; here: boolean; children: string }) {
  return (
    <a href={href} aria-current={here ? 'page' : undefined}>
      {children}
    </a>
  );
}

function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(readTheme);
  return (
    <label className="theme">
      <span className="unseen">Colours</span>
      <select
        value={theme}
        onChange={(event) => {
          const chosen = event.target.value as Theme;
          setTheme(chosen);
          applyTheme(chosen);
        }}
      >
        {themes.map((name) => (
          <option key={name} value={name}>
            {name === 'auto' ? 'Auto' : name === 'light' ? 'Light' : 'Dark'}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The dashboard: what merchants and operators see. It asks the console's own calls and knows nothing else. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { Problem } from './ask.ts';
import './styles.css';
import { applyTheme, readTheme } from './theme.ts';

applyTheme(readTheme());

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What was refused is refused again; what could not be reached is worth another try.
      retry: (count, error) => count < 2 && !(error instanceof Problem && error.status < 500),
      staleTime: 1_000,
    },
  },
});

createRoot(document.querySelector('#root') as HTMLElement).render(
  <QueryClientProvider client={queries}>
    <App />
  </QueryClientProvider>,
);

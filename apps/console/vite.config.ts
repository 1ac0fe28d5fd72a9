import { defineConfig } from 'vite';

/** The dashboard: one page, its scripts and styles as files, nothing from elsewhere. */
export default defineConfig({
  base: './',
  build: {
    target: 'es2023',
    modulePreload: false,
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1_000,
    rolldownOptions: {
      // Packages mark what runs in a browser; here everything does.
      onLog: (level, log, handle) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') handle(level, log);
      },
    },
  },
});

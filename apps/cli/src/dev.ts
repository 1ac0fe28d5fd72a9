import { watch } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './project.ts';
import type { Stack } from './stack.ts';
import { up } from './up.ts';

/** An editor writes one change as several events. */
const settleMs = 150;
const sources = ['apps', 'packages'];
const isSource = /\/(src\/.*\.(ts|lua|sql)|page\/.*\.(ts|tsx|css|html|svg))$/;

/** `npm start` that starts its apps again when a source file changes. */
export function dev(): Promise<number> {
  return up({ whenReady: restartOnChange });
}

function restartOnChange(stack: Stack): () => void {
  let timer: NodeJS.Timeout | undefined;
  let restarting = Promise.resolve();
  const watchers = sources.map((folder) =>
    watch(join(projectFolder, folder), { recursive: true }, (_event, file) => {
      if (file === null || !isSource.test(file) || file.endsWith('.test.ts')) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        console.log(`holdfast: ${file} changed; starting the apps again`);
        restarting = restarting.then(() => stack.restartApps());
      }, settleMs);
    }),
  );
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}

import { fork } from 'node:child_process';
import { addAcknowledged, addConfirmed, type Evidence } from './evidence.ts';
import type { CrowdPlan, CrowdProgress, CrowdReport, FromCrowd, ToCrowd } from './plan.ts';

/**
 * Sends the crowd and collects what it was told. Aborting the signal lets nobody new come; those who are at it
 * finish. Throws when the crowd's process ends before its report.
 */
export function sendCrowd(
  plan: CrowdPlan,
  onProgress: (progress: CrowdProgress) => void,
  signal: AbortSignal,
): Promise<{ report: CrowdReport; evidence: Evidence }> {
  const evidence: Evidence = new Map();
  const child = fork(new URL('crowd.ts', import.meta.url), { serialization: 'advanced' });
  const tell = (message: ToCrowd) => void (child.connected && child.send(message));
  const stop = () => tell({ kind: 'stop' });
  signal.addEventListener('abort', stop, { once: true });

  return new Promise<{ report: CrowdReport; evidence: Evidence }>((resolve, reject) => {
    child.on('error', (cause) => reject(new Error('the crowd could not start', { cause })));
    child.on('exit', (code, killedBy) => reject(new Error(`the crowd ended early (${killedBy ?? code})`)));
    child.on('message', (message: FromCrowd) => {
      switch (message.kind) {
        case 'ready':
          tell({ kind: 'go', plan });
          if (signal.aborted) stop();
          return;
        case 'progress':
          onProgress(message.progress);
          return;
        case 'acknowledged':
          addAcknowledged(evidence, message.batch);
          return;
        case 'confirmed':
          addConfirmed(evidence, message.ticketIds);
          return;
        case 'done':
          resolve({ report: message.report, evidence });
          return;
        case 'failed':
          reject(new Error(`the crowd failed: ${message.reason}`));
          return;
      }
    });
  }).finally(() => {
    signal.removeEventListener('abort', stop);
    if (child.connected) child.disconnect();
  });
}

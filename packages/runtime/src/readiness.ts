/** How long a dependency may take to answer before it counts as down. */
const answerWithinMs = 1_500;

export interface Readiness {
  ready: boolean;
  dependencies: Record<string, 'up' | 'down'>;
}

/** Asks every dependency at once; each is up when its check resolves in time. */
export async function readiness(checks: Record<string, () => Promise<unknown>>): Promise<Readiness> {
  const states = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, (await isUp(check)) ? 'up' : 'down'] as const),
  );
  return { ready: states.every(([, state]) => state === 'up'), dependencies: Object.fromEntries(states) };
}

async function isUp(check: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), answerWithinMs);
  });
  try {
    return await Promise.race([check().then(() => true), late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

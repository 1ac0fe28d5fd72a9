import type { ChainableCommander } from 'ioredis';

/**
 * What every command of the pipeline answered. Throws the first fault: the library resolves with faults among the answers,
 * and a full Redis, or a connection that breaks, refuses some commands and not others.
 */
export async function allAnswers(pipeline: ChainableCommander): Promise<unknown[]> {
  const answers = await pipeline.exec();
  return (answers ?? []).map(([fault, answer]) => {
    if (fault !== null) throw fault;
    return answer;
  });
}

/** Loaded when a sale asks for it: who sells without pays nothing for it. The pages' build takes it from the edge instead. */
export function loadSolver(_edge: string): Promise<typeof import('./challenge.ts')> {
  return import('./challenge.ts');
}

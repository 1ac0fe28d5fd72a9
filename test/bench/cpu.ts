/** CPU time of other processes, from /proc: what a request costs, whatever else the machine is doing. */
import { readdirSync, readFileSync } from 'node:fs';

// The kernel counts in USER_HZ, which is 100 on every Linux that Node runs on.
const microsPerTick = 10_000;

/** By role ('edge', 'worker', 'postgres', ...), in microseconds. */
export type CpuByRole = Record<string, number>;

/** Pids by role; a role may have several. Children, present and gone, count with their parent. */
export type Roles = Record<string, number[]>;

export function readCpu(roles: Roles): CpuByRole {
  const children = childrenByParent();
  const cpu: CpuByRole = {};
  for (const [role, pids] of Object.entries(roles)) {
    cpu[role] = pids.reduce((sum, pid) => sum + ticksOfTree(pid, children), 0) * microsPerTick;
  }
  return cpu;
}

export function cpuSince(before: CpuByRole, after: CpuByRole): CpuByRole {
  return Object.fromEntries(
    Object.entries(after).map(([role, micros]) => [role, micros - (before[role] ?? 0)]),
  );
}

export function sumOf(cpu: CpuByRole): number {
  return Object.values(cpu).reduce((sum, micros) => sum + micros, 0);
}

/** The whole machine's ticks so far: all, and those somebody worked in, other guests of the host included. */
export function readMachineCpu(): { allMicros: number; busyMicros: number } {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const [user, nice, system, idle, waiting, ...interrupts] = line
    .split(/\s+/)
    .slice(1, 9)
    .map(Number) as number[];
  const busy = [user, nice, system, ...interrupts].reduce<number>((sum, ticks) => sum + (ticks ?? 0), 0);
  const all = busy + (idle ?? 0) + (waiting ?? 0);
  return { allMicros: all * microsPerTick, busyMicros: busy * microsPerTick };
}

function ticksOfTree(pid: number, children: Map<number, number[]>): number {
  const own = readStat(pid)?.ticks ?? 0;
  return (children.get(pid) ?? []).reduce((sum, child) => sum + ticksOfTree(child, children), own);
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = readStat(pid);
    if (stat === null) continue;
    const siblings = children.get(stat.parent);
    if (siblings === undefined) children.set(stat.parent, [pid]);
    else siblings.push(pid);
  }
  return children;
}

/** Ticks are user, system, and those of children that have ended. Null for a process that is gone. */
function readStat(pid: number): { parent: number; ticks: number } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  // The second field is the command's name in brackets and may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  return { parent: Number(fields[1]), ticks };
}

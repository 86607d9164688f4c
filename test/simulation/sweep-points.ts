/** Which faults are put on which operations of the reference scenario. */
import { unreachable } from '../../src/kernel/assert.ts';
import { FaultPlan } from '../faults/fault-plan.ts';
import type { Fault, Operation } from '../faults/fault-plan.ts';
import type { FaultPlace } from './reference-scenario.ts';
import type { SimulatedWorld } from './simulated-world.ts';

/** What is done at a point. */
export type Variant =
  | 'crash-before'
  | 'crash-after'
  | 'crash-late'
  | 'answer-lost'
  | 'answer-late'
  | 'conflict'
  | 'foreign';

/** One fault at one operation. */
export interface SweepPoint {
  readonly process: 0 | 1;
  readonly operation: number;
  readonly name: string;
  readonly variant: Variant;
  /** For `crash-late`: operations of the next process before the effect comes. */
  readonly lateAfter?: number;
}

/** Operations of a new process after which the commit of the dead one arrives. */
const LATE_AFTER = [0, 40];

/** All points of a process with these operations. */
export function pointsOf(operations: readonly Operation[], process: 0 | 1): readonly SweepPoint[] {
  const first = operations.findIndex(({ effect }) => effect);
  return operations.flatMap(({ name, effect }, operation) => {
    const isFirst = operation === first;
    const at = (variant: Variant): SweepPoint => ({ process, operation, name, variant });
    // A read changes nothing: dying before it or after it leaves what dying after the change before
    // it leaves. But its caller must stand an error.
    if (!effect) return [at('answer-lost')];
    const mayBeLate = name === 'catalog.commit' || name === 'catalog.createTable';
    return [
      // Dying before a change is dying after the one before it.
      ...(isFirst ? [at('crash-before')] : []),
      ...(['crash-after', 'answer-lost'] as const).map(at),
      ...(mayBeLate ? [at('answer-late')] : []),
      ...(mayBeLate ? LATE_AFTER.map((lateAfter) => ({ ...at('crash-late'), lateAfter })) : []),
      ...(name === 'catalog.commit' ? (['conflict', 'foreign'] as const).map(at) : []),
    ];
  });
}

/** The fault of a point, in a world of its own. */
export function faultAt(world: SimulatedWorld, point: SweepPoint): FaultPlace {
  const plan = new FaultPlan(point.operation, faultOf(world, point.variant));
  const { process, lateAfter } = point;
  return lateAfter === undefined ? { process, plan } : { process, plan, lateAfter };
}

function faultOf(world: SimulatedWorld, variant: Variant): Fault {
  switch (variant) {
    case 'crash-before':
    case 'crash-after':
    case 'crash-late':
    case 'answer-lost':
    case 'conflict':
      return { kind: variant };
    case 'answer-late':
      return { kind: variant, operations: 2 };
    case 'foreign':
      return { kind: variant, act: () => world.commitForeign() };
    default:
      return unreachable(variant);
  }
}

/** A point in words, by which it can be repeated. */
export function pointText({ process, operation, name, variant, lateAfter }: SweepPoint): string {
  const late = lateAfter === undefined ? '' : `:${lateAfter}`;
  return `${process}:${operation}:${variant}${late} (${name})`;
}

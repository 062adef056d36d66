import type { Desk } from '../status/desk.ts';
import type { World } from '../world.ts';
import type { Circuit } from './circuit.ts';

/** Engine of an open replica: its world, its transactions, and the circuit before all its lanes. */
export interface Engine {
  readonly world: World;
  readonly desk: Desk;
  readonly circuit: Circuit;
}

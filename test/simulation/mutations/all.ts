import { delivering } from './delivering.ts';
import type { Mutation } from './mutation.ts';
import { readings } from './reading.ts';
import { sending } from './sending.ts';
import { surroundings } from './surroundings.ts';

export const mutations: readonly Mutation[] = [...sending, ...delivering, ...readings, ...surroundings];

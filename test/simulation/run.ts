import { simulate } from './simulate.ts';

const from = Number(process.argv[2] ?? 1);
const n = Number(process.argv[3] ?? 20);
const t = process.cpuUsage();
let bad = 0;
for (let seed = from; seed < from + n; seed++) {
  const r = await simulate(seed);
  if (r.findings.length) {
    bad++;
    console.log(seed, r.virtualMs, r.operations.length, r.findings.slice(0, 3));
  }
}
const u = process.cpuUsage(t);
console.log('bad', bad, 'cpu ms/seed', (u.user + u.system) / 1000 / n);

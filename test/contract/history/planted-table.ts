import { pathToFileURL } from 'node:url';
import { ruleOf } from './check.ts';
import { planted } from './planted.ts';

/** The table of docs/checker.md: what was planted, and which checks find it. */
export function plantedTable(): string {
  const rows = Object.entries(planted).map(([name, [checks]]) => {
    const rules = [...new Set(checks.map((check) => ruleOf[check]))];
    return `| ${name} | ${rules.join(', ')} | ${checks.join('; ')} |`;
  });
  return ['| planted | promise | found by |', '|---|---|---|', ...rows].join('\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.stdout.write(`${plantedTable()}\n`);

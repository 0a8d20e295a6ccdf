// Judges what `npm audit --json` printed, read from standard input. Ends with 0 where nothing of high or critical severity
// is known, 1 where something is, and 2 where the registry gave no audit: that is neither.
import { readFileSync } from 'node:fs';

const answer = parse(readFileSync(0, 'utf8'));
const counts = answer?.metadata?.vulnerabilities;
if (counts === undefined) {
  console.log(
    `The registry gave no audit: ${answer?.message ?? 'no answer'}. Nothing is known of weaknesses.`,
  );
  process.exitCode = 2;
} else {
  const grave = Object.values(answer.vulnerabilities).filter(({ severity }) =>
    /^(high|critical)$/.test(severity),
  );
  for (const { name, severity, range } of grave) console.log(`${severity}: ${name} ${range}`);
  console.log(
    `Known weaknesses: ${Object.entries(counts)
      .map(([severity, count]) => `${count} ${severity}`)
      .join(', ')}`,
  );
  process.exitCode = grave.length > 0 ? 1 : 0;
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

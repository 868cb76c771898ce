/**
 * `npm run proof`: every claim of the story on this machine.
 *
 *   self-check -> for each scenario: servers and shop, load, books -> table, proof.json, proof.html
 */
import { writeFile } from 'node:fs/promises';
import { BackendError } from '../../../test/backends.ts';
import { interruptedCode, interruption } from '../launcher/interruption.ts';
import { StartError } from '../launcher/options.ts';
import { help, type ProofOptions, parseProofOptions } from './options.ts';
import { page } from './page.ts';
import { Progress } from './progress.ts';
import { claimsOf, newReport, type Report, table } from './report.ts';
import { scenarios } from './scenarios/all.ts';
import { selfCheck } from './self-check.ts';

async function run(
  options: ProofOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Report> {
  const report = await newReport(options, await selfCheck(options.users, progress));
  for (const name of options.only) {
    if (signal.aborted) break;
    progress.line(`\n${name}`);
    try {
      report.scenarios.push(
        await scenarios[name as keyof typeof scenarios]({ ...options, progress, signal }),
      );
    } catch (error) {
      if (signal.aborted) break;
      // what was found before is worth having; what comes after would end the same way
      report.failure = `${name}: ${known(error) ? error.message : (error as Error).stack}`;
      break;
    }
  }
  report.isComplete = !signal.aborted && report.failure === undefined;
  return report;
}

const known = (error: unknown): error is Error =>
  error instanceof StartError || error instanceof BackendError;

async function write(report: Report, { json, html }: ProofOptions): Promise<void> {
  await writeFile(json, `${JSON.stringify(report)}\n`);
  await writeFile(html, page(report));
}

try {
  const options = parseProofOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(help);
  else {
    const signal = interruption();
    const progress = new Progress();
    const report = await run(options, progress, signal);
    await write(report, options);
    progress.line(`\n${table(report)}\n${options.json}, ${options.html}`);
    const held = claimsOf(report).every((one) => one.held);
    process.exit(signal.aborted ? interruptedCode : held && report.isComplete ? 0 : 1);
  }
} catch (error) {
  console.error(known(error) ? error.message : error);
  process.exit(
    error instanceof StartError && error.message === 'Interrupted.' ? interruptedCode : 1,
  );
}

#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { lineReader } from './line-reader.ts';
import { run } from './run.ts';

const isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
let lines: ReturnType<typeof lineReader> | undefined;

void run(process.argv.slice(2), {
  ask: isTerminal
    ? (prompt) => {
        lines ??= lineReader(process.stdin, process.stdout);
        return lines.ask(prompt);
      }
    : undefined,
  read: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
  write: (line) => void process.stdout.write(`${line}\n`),
  writeError: (line) => void process.stderr.write(`${line}\n`),
}).then((exitCode) => {
  lines?.close();
  process.exitCode = exitCode;
});

// Outlives its parent to clean up after it. It reads one JSON object per line from its parent:
//   {"add": pid, "signals": ["SIGQUIT", "SIGKILL"]}   {"remove": pid}   {"addFolder": path}   {"removeFolder": path}
// When the pipe ends, for whatever reason the parent ended, every process group still on the list gets its
// signals in turn, two seconds apart, until it is gone; then the folders are deleted.
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const processes = new Map();
const folders = new Set();
const GRACE_MS = 2_000;
const POLL_MS = 20;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

function signalGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false; // ESRCH: gone already
  }
}

async function end([pid, signals]) {
  for (const signal of signals) {
    signalGroup(pid, signal);
    signalGroup(pid, 'SIGCONT'); // a stopped process sees no signal but SIGKILL
    const until = Date.now() + GRACE_MS;
    while (Date.now() < until) {
      if (!signalGroup(pid, 0)) return;
      await sleep(POLL_MS);
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if ('add' in message) processes.set(message.add, message.signals);
  if ('remove' in message) processes.delete(message.remove);
  if ('addFolder' in message) folders.add(message.addFolder);
  if ('removeFolder' in message) folders.delete(message.removeFolder);
}
await Promise.all([...processes].map(end));
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

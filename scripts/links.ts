/** Checks that every relative link and every heading link in the Markdown files leads somewhere. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { root } from './packages.ts';

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));

/** Markdown without its code, in which brackets are not links. */
const prose = (text: string) =>
  text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '');

/** The ids that a renderer gives to headings: lower case, punctuation dropped, spaces to dashes. */
function anchors(file: string): Set<string> {
  const text = readFileSync(file, 'utf8').replace(/^(```|~~~)[\s\S]*?^\1/gm, '');
  return new Set(
    [...text.matchAll(/^#{1,6}\s+(.+?)\s*$/gm)].map(([, heading]) =>
      (heading ?? '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}

const broken: string[] = [];
let links = 0;
for (const file of files) {
  const path = join(root, file);
  const text = prose(readFileSync(path, 'utf8'));
  const targets = [
    ...text.matchAll(/\]\(([^)\s]+)\)/g),
    ...text.matchAll(/(?:src|srcset|href)="([^"]+)"/g),
  ];
  for (const [, target = ''] of targets) {
    if (/^[a-z]+:/.test(target)) continue;
    links++;
    const [to = '', anchor] = target.split('#');
    const destination = to === '' ? path : join(dirname(path), decodeURI(to));
    if (!existsSync(destination)) broken.push(`${file}: ${target} does not exist`);
    else if (anchor && statSync(destination).isFile() && !anchors(destination).has(anchor))
      broken.push(`${file}: ${relative(root, destination)} has no heading #${anchor}`);
  }
}
for (const line of broken) console.error(line);
console.log(`${links} links in ${files.length} files, ${broken.length} broken`);
if (broken.length > 0) process.exit(1);

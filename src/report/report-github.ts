import type { Report } from '../verify/report.ts';
import { findingsOf, type Level } from './findings.ts';
import { plain, plural } from './format.ts';

/** GitHub shows no more annotations of a level than these. */
const shown = 10;

const commands: Readonly<Record<Level, string>> = { error: 'error', warning: 'warning', note: 'notice' };

/** Workflow commands that GitHub's runner turns into annotations; empty where there is nothing to tell. */
export function reportGithub(report: Report): string {
  const findings = findingsOf(report);
  const lines = (Object.keys(commands) as Level[]).flatMap(level => {
    const all = findings.filter(f => f.level === level);
    const told = all.length > shown ? all.slice(0, shown - 1) : all;
    const rest = all.length - told.length;
    const more = command(level, { title: 'onnx-funnel' }, `${plural(rest, `more ${commands[level]}`)}, which GitHub would not show`);
    return [
      ...told.map(f =>
        command(level, { title: ['onnx-funnel', f.code, f.case].filter(Boolean).join(': '), file: f.file }, `${f.where}: ${f.message}`),
      ),
      ...(rest > 0 ? [more] : []),
    ];
  });
  return lines.map(line => `${line}\n`).join('');
}

function command(level: Level, properties: Readonly<Record<string, string | undefined>>, message: string): string {
  const given = Object.entries(properties).flatMap(([name, value]) => (value ? [`${name}=${property(value)}`] : []));
  return `::${commands[level]} ${given.join(',')}::${data(message)}`;
}

/** As the runner's own toolkit escapes them. Terminals are spared what is left of control characters. */
const data = (text: string) => plain(text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A'));
const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

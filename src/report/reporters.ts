import type { Report } from '../verify/report.ts';

/** What a reporter may be told. */
export interface ReporterOptions {
  /** Every output under every input, where a format lists the worst of each otherwise. */
  readonly detail?: boolean;
}

/** A report as a document. It depends on nothing but the report: the same one gives the same bytes. */
export type Reporter = (report: Report, options: ReporterOptions) => string | Promise<string>;

/** Each format loads what it needs when it is asked for. One line for each. */
const reporters = {
  text: async () => {
    const [{ reportText }, { stripVTControlCharacters }] = await Promise.all([import('./report-text.ts'), import('node:util')]);
    return (report, options) => stripVTControlCharacters(reportText(report, options));
  },
  json: async () => (await import('./report-json.ts')).reportJson,
  junit: async () => (await import('./report-junit.ts')).reportJunit,
  sarif: async () => (await import('./report-sarif.ts')).reportSarif,
  markdown: async () => (await import('./report-markdown.ts')).reportMarkdown,
  github: async () => (await import('./report-github.ts')).reportGithub,
  html: async () => {
    const { htmlReport } = await import('./html/html.ts');
    return report => htmlReport(report);
  },
} satisfies Readonly<Record<string, () => Promise<Reporter>>>;

export type Format = keyof typeof reporters;
export const formats = Object.keys(reporters) as readonly Format[];

/** Those that tell what the two models are, besides what they compute; JSON keeps it for whoever renders it later. */
const drawing: readonly Format[] = ['json', 'html'];
export const drawsModels = (wanted: readonly Format[]): boolean => wanted.some(format => drawing.includes(format));

/** Ends with a line break. */
export async function render(report: Report, format: Format, options: ReporterOptions = {}): Promise<string> {
  const reporter: Reporter = await reporters[format]();
  const text = await reporter(report, options);
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

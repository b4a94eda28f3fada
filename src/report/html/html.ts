import { h } from 'preact';
import type { Report } from '../../verify/report.ts';
import { clip } from '../format.ts';
import { page } from './page.tsx';
import { ReportBody } from './report.tsx';

export interface HtmlOptions {
  /** What the browser's tab shows; default: the models of the only case, or the number of cases. */
  readonly title?: string;
}

/** A report as one HTML file that needs nothing else: no network, and for its essentials no JavaScript. The same report gives the same bytes. */
export async function htmlReport(report: Report, options: HtmlOptions = {}): Promise<string> {
  return page(options.title ?? titleOf(report), h(ReportBody, { report }));
}

function titleOf({ status, cases }: Report): string {
  const [first] = cases;
  return `${status}: ${first && cases.length === 1 ? clip(first.name) : `${cases.length} comparisons`} – onnx-funnel`;
}

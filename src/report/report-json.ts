import type { Report } from '../verify/report.ts';

/** The report itself. `schemas/report.schema.json` describes it. */
export const reportJson = (report: Report): string => JSON.stringify(report, undefined, 2);

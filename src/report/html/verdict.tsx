import type { ComponentChildren } from 'preact';
import type { Placement } from '../../runtime/session.ts';
import type { Case } from '../../verify/report.ts';
import type { ConfigurationResult, Finding, OutputResult, Status, Verdict } from '../../verify/verdict.ts';
import { numerals } from '../../verify/words.ts';
import { clip, plural } from '../format.ts';
import { Section } from './page.tsx';
import { DataTable, Name, Sign, StatusWord, Words } from './parts.tsx';
import { failing } from './worst.ts';

const headlines: Readonly<Record<Status, string>> = {
  same: 'The models compute the same',
  different: 'The models do not compute the same',
  inconclusive: 'Nothing could be told',
  unavailable: 'A runtime was not available',
  invalid: 'A model is not valid',
};

/** The answer, in one sentence, and where to look. */
export function Headline({ of: { name, verdict }, title: Title }: { readonly of: Case; readonly title: 'h1' | 'p' }) {
  const { status, summary, a, b } = verdict;
  const sentence = summary.startsWith(`${status}: `) ? summary.slice(status.length + 2) : summary;
  return (
    <header class={`verdict ${status}`}>
      <Title class="eyebrow">
        <Words>{name}</Words>
      </Title>
      <h2>
        <Sign status={status} /> {headlines[status]}
      </h2>
      <p class="why">
        <Words>{sentence}</Words>
      </p>
      <dl class="facts">
        <Fact term="A, the reference">
          <Name>{a?.label ?? 'not loaded'}</Name>
        </Fact>
        <Fact term="B">
          <Name>{b?.label ?? 'not loaded'}</Name>
        </Fact>
        <Where verdict={verdict} />
      </dl>
    </header>
  );
}

function Fact({ term, children }: { readonly term: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Where B is furthest off, and the node that is to blame where that is known. */
function Where({ verdict }: { readonly verdict: Verdict }) {
  const worst = failing(verdict);
  const [culprit] = verdict.layers?.culprits ?? [];
  return (
    <>
      {worst && (
        <>
          <Fact term="Configuration">
            {worst.configuration.provider} {worst.configuration.optimization}
            {worst.configuration.adapter && <span class="dim"> {clip(worst.configuration.adapter)}</span>}
          </Fact>
          <Fact term="Output">
            <Name>{worst.result.output}</Name>
          </Fact>
          <Fact term="Input">{clip(worst.result.input)}</Fact>
          <Fact term="Worst element">
            <Worst result={worst.result} />
          </Fact>
        </>
      )}
      {culprit && (
        <Fact term="Guilty node">
          <span class="status different">
            {clip(culprit.node.operator)} <Name>{culprit.node.name}</Name>
          </span>
          {culprit.node.pass && <span class="dim"> made by {clip(culprit.node.pass)}</span>}
        </Fact>
      )}
    </>
  );
}

function Worst({ result: { comparison: c } }: { readonly result: OutputResult }) {
  if (!c.worst) return <>{c.reasons.join(', ')}</>;
  const [before, after] = numerals(c.worst.expected, c.worst.actual);
  return (
    <span class="number">
      [{c.worst.index.join(', ')}] {clip(before!, 40)} → {clip(after!, 40)}
    </span>
  );
}

export function Findings({ verdict: { reasons, warnings } }: { readonly verdict: Verdict }) {
  return (
    <>
      <FindingList title="Reasons" sign="✗" class="different" findings={reasons} />
      <FindingList title="Warnings" sign="!" class="inconclusive" findings={warnings} />
    </>
  );
}

/** Findings that are shown; the JSON report has them all. */
const MOST = 50;

function FindingList(props: { title: string; sign: string; class: string; findings: readonly Finding[] }) {
  const { title, sign, findings } = props;
  if (findings.length === 0) return null;
  return (
    <Section title={title}>
      <ul class="findings">
        {findings.slice(0, MOST).map((f, i) => (
          <li key={i}>
            <span class={`sign ${props.class}`} aria-hidden="true">
              {sign}
            </span>
            <span>
              <strong>
                <Words>{f.where}</Words>
              </strong>{' '}
              <Words>{f.message}</Words> <span class="code">{clip(f.code)}</span>
            </span>
          </li>
        ))}
        {findings.length > MOST && <li class="dim">… and {findings.length - MOST} more</li>}
      </ul>
    </Section>
  );
}

/** Providers against levels of optimisation. */
export function Matrix({ verdict: { configurations } }: { readonly verdict: Verdict }) {
  if (configurations.length === 0) return null;
  const providers = [...new Set(configurations.map(c => c.provider))];
  const levels = [...new Set(configurations.map(c => c.optimization))];
  const at = (provider: string, level: string) => configurations.find(c => c.provider === provider && c.optimization === level);
  return (
    <Section
      title="Where it ran"
      note="Execution provider by level of graph optimisation. B is held against A on the CPU without optimisation."
    >
      <div class="scroll">
        <table class="matrix">
          <caption>Result by provider and level of optimisation</caption>
          <thead>
            <tr>
              <th scope="col">provider</th>
              {levels.map(level => (
                <th key={level} scope="col">
                  {level}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {providers.map(provider => (
              <tr key={provider}>
                <th scope="row">{clip(provider)}</th>
                {levels.map(level => (
                  <td key={level}>
                    <Cell at={at(provider, level)} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}

function Cell({ at }: { readonly at: ConfigurationResult | undefined }) {
  if (!at) return <span class="dim">not run</span>;
  const off = at.results.filter(r => !r.comparison.same).length;
  return (
    <>
      <StatusWord status={at.status}>{at.status === 'same' && at.identical ? 'same bits' : at.status}</StatusWord>
      {off > 0 && (
        <p class="dim">
          {off} of {plural(at.results.length, 'comparison')} differ
        </p>
      )}
      {at.adapter && <p class="dim">{clip(at.adapter)}</p>}
      {at.failures.map((f, i) => (
        <p key={i}>
          {f.model.toUpperCase()}: <Words>{f.message}</Words>
        </p>
      ))}
      <Placed placement={at.placement.b} />
    </>
  );
}

function Placed({ placement }: { readonly placement: Placement | undefined }) {
  if (!placement) return null;
  const { nodes, fallbacks } = placement;
  const counts = Object.entries(nodes).map(([provider, n]) => `${n} on ${clip(provider.replace('ExecutionProvider', ''))}`);
  return (
    <>
      {counts.length > 0 && <p class="dim">nodes of B: {counts.join(', ')}</p>}
      {fallbacks.length > 0 && (
        <details>
          <summary>{plural(fallbacks.length, 'node')} fell back to the CPU</summary>
          <ul class="names">
            {fallbacks.slice(0, 200).map((f, i) => (
              <li key={i}>
                {clip(f.operator)} <Name>{f.node}</Name>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** What B was broken with on purpose, and whether that was seen. */
export function SelfCheckPart({ verdict: { selfCheck } }: { readonly verdict: Verdict }) {
  if (!selfCheck) return null;
  const { mutations, detected } = selfCheck;
  const note = `B was broken on purpose and compared in the same way: ${detected} of ${plural(mutations.length, 'mutation')} seen.`;
  const rows = mutations.map(m => [
    <StatusWord key="s" status={m.detected ? 'same' : 'different'}>
      {m.detected ? 'seen' : 'not seen'}
    </StatusWord>,
    clip(m.kind),
    <Name key="n">{m.node}</Name>,
    <Words key="w">{m.message}</Words>,
  ]);
  return (
    <Section title="Self-check" note={note}>
      <DataTable caption="Mutations of B" head={['result', 'mutation', 'node', 'what came of it']} texts={4} rows={rows} />
    </Section>
  );
}

export function Provenance({ verdict: v }: { readonly verdict: Verdict }) {
  const shapes = (of: Readonly<Record<string, readonly number[]>>) =>
    Object.entries(of)
      .map(([name, dims]) => `${clip(name, 40)} ${dims.join('×') || 'scalar'}`)
      .join(', ');
  const rows = v.inputs.map(i => [
    clip(i.label),
    i.source,
    shapes(i.shapes),
    <span class="hash" key="h" title={i.sha256}>
      {i.sha256}
    </span>,
  ]);
  const { onnxruntime, node, platform } = v.environment;
  return (
    <Section title="Inputs and environment">
      <p class="note">
        Seed {v.seed}, {plural(v.threads, 'thread')}, NaN {v.equalNan ? 'equals' : 'does not equal'} NaN. onnxruntime-node{' '}
        {clip(onnxruntime)}, Node.js {clip(node)}, {clip(platform)}.
        {v.excludedOutputs.length > 0 && <> Left out: {v.excludedOutputs.map(o => clip(o)).join(', ')}.</>}
      </p>
      {rows.length > 0 && <DataTable caption="Inputs" head={['input', 'source', 'shapes', 'SHA-256']} texts={4} rows={rows} />}
    </Section>
  );
}

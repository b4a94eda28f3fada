import { readFileSync, rmSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { mergeReports, type Part } from '../src/ci/merge.ts';
import { interleave, ofShard, planOf } from '../src/ci/shard.ts';
import { type Case, reportOf } from '../src/verify/report.ts';
import type { Status, Verdict } from '../src/verify/verdict.ts';
import { at, config, folder, funnel, idle, leaky, quick, relu } from './support/ci.ts';

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('shards', () => {
  const cases = [
    { name: 'a', a: relu, b: idle, ...quick },
    { name: 'b', a: relu, b: leaky, ...quick },
    { name: 'c', model: leaky, pipeline: 'fold', ...quick },
    { name: 'd', a: idle, b: relu, ...quick },
    { name: 'e', a: idle, b: idle, ...quick },
  ];

  test('merged, they are what one run reports, timings aside', async () => {
    config('shards.json', { cases });
    const [listed, whole, ...parts] = await Promise.all([
      funnel(['ci', 'shards.json', '--shard', '2/2', '--list', '--json']),
      funnel(['ci', 'shards.json', '--report', 'json=whole.json']),
      funnel(['ci', 'shards.json', '--shard', '1/2', '--report', 'json=shard-1.json']),
      funnel(['ci', 'shards.json', '--shard', '2/2', '--report', 'json=shard-2.json']),
    ]);
    expect(JSON.parse(listed.stdout)).toEqual({
      schema: 'onnx-funnel/cases@1',
      shards: 2,
      cases: [
        { name: 'b', shard: 2 },
        { name: 'd', shard: 2 },
      ],
    });
    expect([whole.code, ...parts.map(p => p.code)]).toEqual([1, 0, 1]);
    const merged = await funnel(['merge-reports', 'shard-2.json', 'shard-1.json', '-o', 'merged.json', '--report', 'text=merged.txt']);
    expect(merged).toMatchObject({ code: 1, stderr: '' });
    expect(merged.stdout).toContain('different: 5 cases, 4 same, 1 different');
    const untimed = (name: string) => readFileSync(at(name), 'utf8').replace(/("total"|"peakMemory"): \d+/g, '$1: 0');
    expect(untimed('merged.json')).toBe(untimed('whole.json'));
    const missing = await funnel(['merge-reports', 'shard-2.json']);
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toBe('funnel: part 1 of 2 is missing; --allow-missing makes an incomplete report of the others\n');
    const only = await funnel(['ci', 'shards.json', '--only', '[ab]', '--shard', '1/2', '--report', 'json=only-1.json']);
    expect(only.code).toBe(0);
    expect(await funnel(['merge-reports', 'only-1.json', 'shard-2.json'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: 'funnel: only-1.json is a part of 2 cases, shard-2.json of 5: make all parts of one configuration, with the same --only\n',
    });
  });

  test('cases at the end move no other', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const parts = (of: readonly string[], count: number) => Array.from({ length: count }, (_, i) => ofShard(of, { index: i + 1, count }));
    expect(parts(names, 3)).toEqual([
      ['a', 'd', 'g'],
      ['b', 'e'],
      ['c', 'f'],
    ]);
    for (const count of [1, 2, 3, 7, 9]) {
      const before = parts(names, count);
      parts([...names, 'h'], count).forEach((part, i) => void expect(part.slice(0, before[i]!.length)).toEqual(before[i]));
      expect(interleave(new Map(before.map((part, i) => [i + 1, part])), count)).toEqual(names);
    }
  });
});

describe('merging', () => {
  const verdict = (status: Status) => ({ status, summary: status }) as Verdict;
  const one = (name: string, status: Status = 'same'): Case => ({ name, verdict: verdict(status) });
  const part = (index: number, count: number, cases: readonly Case[], complete = true, plan = planOf(['a', 'b'])): Part => ({
    label: `shard-${index}.json`,
    report: reportOf(cases, { shard: { index, count, plan }, complete }),
  });

  test('refuses what is not one run', () => {
    const whole = { label: 'whole.json', report: reportOf([one('a')]) };
    expect(() => mergeReports([])).toThrow('no report');
    expect(() => mergeReports([whole])).toThrow('whole.json is no part of a run');
    expect(() => mergeReports([part(1, 2, [one('a')]), part(2, 3, [one('b')])])).toThrow('shard-1.json is a part of 2, shard-2.json of 3');
    expect(() => mergeReports([part(1, 2, [one('a')]), part(1, 2, [one('b')])])).toThrow('both part 1 of 2');
    expect(() => mergeReports([part(1, 2, [one('a')]), part(2, 2, [one('a')])])).toThrow("case 'a' is in shard-1.json and in shard-2.json");
    expect(() => mergeReports([part(1, 1e9, [one('a')])], { allowMissing: true })).toThrow('one of 1000000000 parts');
    expect(() => mergeReports([part(2, 4, [one('b')]), part(3, 4, [])])).toThrow('parts 1, 4 of 4 are missing');
  });

  test('refuses parts of different plans, and parts that lack cases', () => {
    const six = planOf(['u', 'v', 'w', 'x', 'y', 'z']);
    const ofSix = part(2, 2, [one('v'), one('x'), one('z')], true, six);
    const single = part(1, 2, [one('a')], true, planOf(['a']));
    const message = 'shard-1.json is a part of 1 case, shard-2.json of 6: make all parts of one configuration, with the same --only';
    expect(() => mergeReports([single, ofSix])).toThrow(message);
    expect(() => mergeReports([single, ofSix], { allowMissing: true })).toThrow(message);
    const renamed = part(2, 2, [one('c')], true, planOf(['a', 'c']));
    expect(() => mergeReports([part(1, 2, [one('a')]), renamed])).toThrow('shard-1.json is a part of 2 cases, shard-2.json of other names');
    const short = part(1, 2, [one('u'), one('w')], true, six);
    expect(() => mergeReports([short, ofSix])).toThrow('shard-1.json has 2 cases, but part 1 of 2 of 6 has 3');
    expect(() => mergeReports([part(1, 2, [one('a'), one('b')], false)], { allowMissing: true })).toThrow('has 2 cases, but part 1');
    expect(() => mergeReports([part(1, 2, [one('b')]), part(2, 2, [one('a')])])).toThrow('other cases than the plan');
    const old = { label: 'old.json', report: reportOf([one('a')], { shard: { index: 1, count: 1 } }) };
    expect(() => mergeReports([old])).toThrow('old.json does not say which plan it is a part of');
  });

  test('what was interrupted may lack cases', () => {
    const six = planOf(['u', 'v', 'w', 'x', 'y', 'z']);
    const merged = mergeReports([part(1, 2, [one('u')], false, six), part(2, 2, [one('v'), one('x'), one('z')], true, six)]);
    expect(merged).toMatchObject({ complete: false, status: 'inconclusive', cases: { length: 4 } });
  });

  test('is never the same where something is missing', () => {
    const missing = mergeReports([part(2, 2, [one('b'), one('d')], true, planOf(['a', 'b', 'c', 'd']))], { allowMissing: true });
    expect(missing).toMatchObject({ status: 'inconclusive', complete: false, cases: [{ name: 'b' }, { name: 'd' }] });
    expect(mergeReports([part(1, 2, [one('a')], false), part(2, 2, [one('b')])])).toMatchObject({
      status: 'inconclusive',
      complete: false,
    });
    // A part without cases is part of a whole with some.
    expect(mergeReports([part(1, 2, [one('a')], true, planOf(['a'])), part(2, 2, [], true, planOf(['a']))])).toMatchObject({
      status: 'same',
      complete: true,
    });
    expect(mergeReports([part(1, 1, [], true, planOf([]))])).toMatchObject({ status: 'inconclusive' });
    const three = planOf(['a', 'b', 'c']);
    const parts = [part(1, 2, [one('a'), one('c', 'different')], true, three), part(2, 2, [one('b', 'unavailable')], true, three)];
    expect(mergeReports(parts).status).toBe('different');
  });
});

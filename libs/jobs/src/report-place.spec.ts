import fc from 'fast-check';
import { NO_REPORT, type ReportPlace, placeReport } from './report-place.js';

const at = (runStartedAtMs: number, number: number): ReportPlace => ({ runStartedAtMs, number });

describe('placeReport', () => {
  it.each([
    ['the first report of an attempt', at(7, 1), NO_REPORT, 'next'],
    ['the one that follows', at(7, 3), at(7, 2), 'next'],
    ['one that comes before a former one', at(7, 4), at(7, 2), 'early'],
    ['a second one while the first is away', at(7, 2), NO_REPORT, 'early'],
    ['one that came before', at(7, 2), at(7, 2), 'known'],
    ['an older one that comes again', at(7, 1), at(7, 2), 'known'],
    ['the first of a later run', at(8, 1), at(7, 5), 'next'],
    ['a later one of a later run', at(8, 6), at(7, 5), 'early'],
    ['one of a former run', at(6, 6), at(7, 5), 'stale-run'],
  ])('%s', (_words, report, last, placing) => {
    expect(placeReport(report, { last, isOrderEnded: false })).toBe(placing);
  });

  it.each([
    ['one that comes before a former one', at(7, 4), 'next'],
    ['one of a former run', at(6, 6), 'next'],
    ['a later one of a later run', at(8, 6), 'next'],
    ['one that came before', at(7, 1), 'known'],
  ])('of an order that is over: %s', (_words, report, placing) => {
    expect(placeReport(report, { last: at(7, 2), isOrderEnded: true })).toBe(placing);
  });

  it('records whole runs in their order, whatever order they come in and however often', () => {
    const orders = fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 6 }))
      .chain(([runs, reports]) => {
        const sent = Array.from({ length: runs }, (_, run) =>
          Array.from({ length: reports }, (_report, index) => at(run + 1, index + 1)),
        ).flat();
        const shuffled = fc.shuffledSubarray(sent, { minLength: sent.length });
        return fc.tuple(fc.constant(sent), fc.array(shuffled, { minLength: 1, maxLength: 8 }));
      });
    fc.assert(
      fc.property(orders, ([sent, deliveries]) => {
        let last = NO_REPORT;
        const recorded: ReportPlace[] = [];
        const take = (report: ReportPlace): void => {
          if (placeReport(report, { last, isOrderEnded: false }) !== 'next') return;
          last = report;
          recorded.push(report);
        };
        for (const delivery of deliveries) delivery.forEach(take);
        // What is early comes again until it is not.
        sent.forEach(() => sent.forEach(take));
        const newest = Math.max(...sent.map(({ runStartedAtMs }) => runStartedAtMs));
        const ofNewest = sent.filter(({ runStartedAtMs }) => runStartedAtMs === newest);
        expect(recorded.filter(({ runStartedAtMs }) => runStartedAtMs === newest)).toEqual(
          ofNewest,
        );
        const numbers = recorded.map(({ runStartedAtMs, number }) => runStartedAtMs * 100 + number);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }),
    );
  });
});

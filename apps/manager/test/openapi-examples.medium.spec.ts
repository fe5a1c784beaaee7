import { ContractChecker, type OperationDoc, type ResponseDoc } from './contract-checker.js';

/** To be mended where the examples are: src/openapi/operation-answers.ts, records, request-examples.ts. */
describe('Each operation of openapi.json', () => {
  const checker = new ContractChecker();
  const all = checker.operations.map(
    ({ method, path, operation }) => [`${method} ${path}`, operation] as const,
  );
  const answers = ({ responses }: OperationDoc): (readonly [number, ResponseDoc])[] =>
    Object.entries(responses).map(([status, one]) => [Number(status), checker.resolve(one)!]);

  it('is there', () => {
    expect(all.length).toBeGreaterThan(100);
    const ids = all.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(all)(
    '%s has an example of its body and its answer, by its own schema',
    (_at, operation) => {
      const successes = answers(operation).filter(([status]) => status < 300);
      const medias = [operation.requestBody, ...successes.map(([, answer]) => answer)].flatMap(
        (one) => Object.values(one?.content ?? {}),
      );
      for (const { schema, example } of medias) {
        expect(example).toBeDefined();
        expect(checker.valueFault(schema!, example)).toBeUndefined();
      }
    },
  );

  it.each(all)('%s names its errors, each with the body that all have', (_at, operation) => {
    const errors = answers(operation).filter(([status]) => status >= 400);
    const statuses = errors.map(([status]) => status);
    const isGuarded = operation.security!.length > 0;
    expect(statuses).toEqual(expect.arrayContaining(isGuarded ? [400, 401, 500, 503] : [400, 500]));
    if (operation.requestBody !== undefined) {
      expect(statuses).toEqual(expect.arrayContaining([413, 415, 422]));
    }
    for (const [, { content }] of errors) {
      const { schema, example } = content!['application/json']!;
      expect(schema).toEqual({ $ref: '#/components/schemas/ErrorAnswerBody' });
      expect(checker.valueFault(schema!, example)).toBeUndefined();
    }
  });

  it.each(all)('%s says who may call it', (at, { security, description }) => {
    if (security!.length === 0) return;
    const isForTokens = at.includes(' /oapi/');
    expect(security).toEqual(isForTokens ? [{ token: [] }] : [{ session: [] }, { token: [] }]);
    expect(description).toMatch(
      /Permission: [a-z-]+:(read|\*)( or own)?\. Scope of a token: \w+\.$/,
    );
  });
});

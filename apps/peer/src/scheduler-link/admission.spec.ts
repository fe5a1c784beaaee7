import { Admission } from './admission.js';

describe('Admission', () => {
  it('is refused while any scheduler says so, tells it once, and says which', () => {
    const admission = new Admission();
    const told: string[] = [];
    admission.onRefused((refusal) => told.push(refusal));
    expect(admission.refusal).toBeUndefined();
    admission.require();
    admission.refuse('s1', 'in use');
    admission.refuse('s2', 'in use');
    expect(told).toEqual(['s1: in use']);
    expect(() => admission.require()).toThrow('This daemon serves nothing');
    admission.clear('s1');
    expect(admission.refusal).toBe('s2: in use');
    admission.clear('s2');
    admission.require();
    admission.refuse('s1', 'again');
    expect(told).toEqual(['s1: in use', 's1: again']);
  });

  it('leaves the schedulers that took it, and asks those again that refused', () => {
    const admission = new Admission();
    expect(admission.isRefusedElsewhere('s1')).toBe(false);
    admission.refuse('s1', 'in use');
    expect(['s1', 's2'].map((one) => admission.isRefusedElsewhere(one))).toEqual([false, true]);
    admission.refuse('s2', 'in use');
    expect(['s1', 's2'].map((one) => admission.isRefusedElsewhere(one))).toEqual([false, false]);
  });
});

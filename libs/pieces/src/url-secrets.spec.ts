import { hideUrlSecrets } from './url-secrets.js';

describe('hideUrlSecrets', () => {
  it.each([
    ['https://o/f', 'https://o/f'],
    ['https://O/f?version=2&page=1#top', 'https://O/f?version=2&page=1#top'],
    ['https://u:p4ss@o/f?version=2', 'https://***@o/f?version=2'],
    ['https://p4ss@o:8443/f', 'https://***@o:8443/f'],
    ['https:\\\\u:p4ss@o/f', 'https://***@o/f'],
    ['ht\ntps://u:p4\tss@o/f', 'https://***@o/f'],
    ['https://u:p%404ss@o/f', 'https://***@o/f'],
    ['https://o/f?X-Amz-Signature=p4ss&n=1', 'https://o/f?X-Amz-Signature=***&n=1'],
    ['https://o/f?X%2DAmz%2DSignature=p4ss', 'https://o/f?X%2DAmz%2DSignature=***'],
    ['https://o/f?access_token=p4ss=&sig=p4ss', 'https://o/f?access_token=***&sig=***'],
    ['https://o/f?token=p4ss&token=p4ss#x', 'https://o/f?token=***&token=***#x'],
    ['https://o/f?token=&a', 'https://o/f?token=&a'],
    ['ftp://u:p4ss@o/f', 'ftp://***@o/f'],
    ['u:p4ss is no URL with a host', 'u:p4ss is no URL with a host'],
  ])('shows %j as %j', (url, shown) => {
    expect(hideUrlSecrets(url)).toBe(shown);
    expect(hideUrlSecrets(shown)).toBe(shown);
  });

  it('hides what the caller says does not count for the name', () => {
    expect(hideUrlSecrets('https://o/f?e=p4ss&n=1', ['e'])).toBe('https://o/f?e=***&n=1');
  });
});

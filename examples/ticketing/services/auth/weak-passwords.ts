/** Passwords of ten characters and more that lead every list of leaked ones, and the shop's own words. */
const known = new Set(
  `1234567890 12345678910 0123456789 1q2w3e4r5t 1qaz2wsx3edc qwertyuiop qwerty12345 qwerty123456
  asdfghjkl1 zxcvbnm123 password12 password123 password1234 passw0rd123 letmein1234 iloveyou123
  princess123 sunshine123 football123 baseball123 welcome123 administrator changeme123 abcdefghij
  abcd123456 1111111111 0000000000 1212121212 1122334455 9876543210 0987654321 123123123123
  trustno1trustno1 northernlights lanternhouse evenkeel123`.split(/\s+/),
);

/** Whether a guesser would try it first; letters' case and what stands between words do not help. */
export function isWeakPassword(password: string): boolean {
  return known.has(password.toLowerCase().replace(/[\s._-]/g, ''));
}

/** Loaded before a service (`node --import`): at SIGUSR2 its wall clock jumps two minutes ahead. */
let aheadMs = 0;
const RealDate = Date;
process.on('SIGUSR2', () => {
  aheadMs += 120_000;
});
globalThis.Date = class extends RealDate {
  constructor(...args) {
    super(...(args.length === 0 ? [RealDate.now() + aheadMs] : args));
  }
  static now() {
    return RealDate.now() + aheadMs;
  }
};

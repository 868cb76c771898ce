import type { EventPage } from '../../contract.ts';

/** 4900, 'EUR' -> €49.00 */
export function money(cents: number, currency: string): string {
  return new Intl.NumberFormat('en-GB', { style: 'currency', currency }).format(cents / 100);
}

/** The day and hour of the show as the visitor's own clock has it. */
export function showTime(event: EventPage): { day: string; hour: string } {
  const starts = new Date(event.startsAt);
  return {
    day: starts.toLocaleDateString('en-GB', {
      weekday: 'long',
      day: 'numeric',
      month: 'long',
      year: 'numeric',
    }),
    hour: starts.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' }),
  };
}

/** 1, 'seat' -> 1 seat; 2, 'seat' -> 2 seats */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en-GB')} ${noun}${count === 1 ? '' : 's'}`;
}

/** 75000 -> 1:15 */
export function minutes(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** C-12 -> row C, seat 12 */
export function seatName(seat: string): string {
  const [row, number] = seat.split('-');
  return `Row ${row}, seat ${number}`;
}

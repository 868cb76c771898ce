export type { WaitingRoomOptions } from './options.ts';
export { drawnPlace, type Standing, standingOf, type WaitingRoomStatus } from './status.ts';
export type { TokenRefusal } from './tokens.ts';
export { type Admission, type PassCheck, type Ticket, WaitingRoom } from './waiting-room.ts';

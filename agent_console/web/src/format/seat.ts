/** Whether one of these seats is this telephone: by its own name, or with its PBX's in front (`berlin:PJSIP/1001`). */
export const sitsAt = (seats: string[], device: string, pbx: string): boolean =>
  seats.includes(device) || seats.includes(`${pbx}:${device}`)

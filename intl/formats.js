// The formats of dates and times that can match options, so that few of a locale's patterns are parsed.

const CLASSES = { G: 'era', y: 'year', M: 'month', L: 'month', E: 'weekday', c: 'weekday', d: 'day', B: 'dayPeriod', h: 'hour', H: 'hour', m: 'minute', s: 'second', v: 'timeZoneName' };
const DATE = ['era', 'year', 'month', 'weekday', 'day'];
const TIME = ['dayPeriod', 'hour', 'minute', 'second', 'timeZoneName'];
const STYLED = {
  short: ['hour', 'minute'],
  medium: ['hour', 'minute', 'second'],
  long: ['hour', 'minute', 'second', 'timeZoneName'],
  full: ['hour', 'minute', 'second', 'timeZoneName'],
};

const fieldsOf = (skeleton) => new Set(Array.from(skeleton, (letter) => CLASSES[letter]));

const distance = (fields, wanted) =>
  wanted.filter((name) => !fields.has(name)).length * 10 + [...fields].filter((name) => !wanted.includes(name)).length;

// The formats whose fields are closest to the wanted ones.
const closest = (formats, wanted) => {
  const all = formats.map(([skeleton, pattern]) => [distance(fieldsOf(skeleton), wanted), skeleton, pattern]);
  const least = Math.min(...all.map(([each]) => each));
  return all.filter(([each]) => each === least).map(([, ...format]) => format);
};

const timesOf = (given, wanted) => {
  const formats = [...given, ['m', 'm'], ['s', 's']];
  const withoutZone = wanted.filter((name) => name !== 'timeZoneName');
  if (!withoutZone.length) return [['z', 'z']];
  const found = closest(formats, wanted);
  if (withoutZone.length === wanted.length || fieldsOf(found[0][0]).has('timeZoneName')) return found;
  return closest(formats, withoutZone).map(([skeleton, pattern]) => [`${skeleton}v`, `${pattern} v`]);
};

const lengthOf = ({ month, weekday }) => (month === 'long' ? (weekday ? 'full' : 'long') : month === 'short' ? 'medium' : 'short');

/** Return the patterns by skeleton among which `options` are matched. */
export const formatsFor = ({ dates, times, dateTimeFormat }, options) => {
  if (options.timeStyle) return Object.fromEntries(timesOf(times, STYLED[options.timeStyle] ?? ['hour']));
  const isWanted = (name) => options[name] !== undefined;
  const [wantedDate, wantedTime] = [DATE.filter(isWanted), TIME.filter(isWanted)];
  if (isWanted('fractionalSecondDigits') && !wantedTime.includes('second')) wantedTime.push('second');
  const foundDates = wantedDate.length ? closest(dates, wantedDate) : [];
  const foundTimes = wantedTime.length ? timesOf(times, wantedTime) : [];
  if (!foundTimes.length) return Object.fromEntries(foundDates.length ? foundDates : [['d', 'd']]);
  if (!foundDates.length) return Object.fromEntries(foundTimes);
  const connector = dateTimeFormat[lengthOf(options)];
  const join = ([skeleton, date], [timeSkeleton, time]) => [
    `${skeleton}, ${timeSkeleton}`,
    connector.replace('{1}', () => date).replace('{0}', () => time),
  ];
  return Object.fromEntries(foundDates.flatMap((date) => foundTimes.map((time) => join(date, time))));
};

import { ICONS } from "../lib/language-icons";

const PATHS: Record<string, string> = {
  share:
    "M8 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM22 5a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM22 19a3 3 0 1 1-6 0 3 3 0 0 1 6 0zM7.6 10.6l8.8-4.2M7.6 13.4l8.8 4.2",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5",
  script: "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
  flow: "M5 4h6v5H5zM13 15h6v5h-6zM8 9v4a4 4 0 0 0 4 4h1",
  loop: "M4 12a7 7 0 0 1 12-5l3 3M19 5v5h-5M20 12a7 7 0 0 1-12 5l-3-3M5 19v-5h5",
  branch: "M6 4v16M6 14a6 6 0 0 0 6-6h4M13 5l3 3-3 3",
  branches: "M6 12h5M11 12c3 0 2-6 7-6M11 12c3 0 2 6 7 6M11 12h7",
  identity: "M5 9h14M5 15h14",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20c1-4 4-5 7-5s6 1 7 5",
  question: "M9 9a3 3 0 1 1 4 2.8c-.8.4-1 1-1 2.2M12 17.5v.5",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 2",
  spark: "M12 3l2 6 6 2-6 2-2 6-2-6-6-2 6-2z",
  play: "M7 4l13 8-13 8z",
  pause: "M8 5v14M16 5v14",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  check: "M5 13l4 4L19 7",
  cross: "M6 6l12 12M18 6L6 18",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
  next: "M9 5l7 7-7 7",
  back: "M15 5l-7 7 7 7",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  undo: "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
  redo: "M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3",
  edit: "M4 20l1-5L16 4l4 4L9 19zM13 7l4 4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  map: "M4 5h16v14H4zM12 12h8v7h-8z",
  logout: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  replace: "M4 8h14l-4-4M20 16H6l4 4",
  expand: "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
  skip: "M5 5l9 7-9 7zM18 5v14",
  stop: "M6 6h12v12H6z",
  warn: "M12 4L2 20h20zM12 10v4M12 17v.5",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  tidy: "M4 6h10M4 12h16M4 18h7",
  keys: "M3 7h18v10H3zM7 11h.5M11 11h.5M15 11h.5M8 14h8",
  yaml: "M5 4l4 6v6M13 4l-4 6M15 20V9l3 5 3-5v11",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.5M4 12h.5M4 18h.5",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
  deploy: "M12 16V4M7 9l5-5 5 5M5 20h14",
  download: "M12 4v12M7 11l5 5 5-5M5 20h14",
  nodes: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM16.5 13v7M13 16.5h7",
  note: "M5 4h14v10l-5 6H5zM14 20v-6h5",
  message: "M4 5h16v11h-9l-4 4v-4H4z",
  mail: "M3 6h18v12H3zM3 7l9 7 9-7",
  group: "M4 4h4M16 4h4v4M20 16v4h-4M8 20H4v-4M4 8V4M9 9h6v6H9z",
  "align-left": "M4 4v16M8 8h12M8 16h7",
  "align-centre": "M12 4v16M5 8h14M8 16h8",
  "align-right": "M20 4v16M4 8h12M9 16h7",
  "align-top": "M4 4h16M8 8v12M16 8v7",
  "align-middle": "M4 12h16M8 5v14M16 8v8",
  "align-bottom": "M4 20h16M8 4v12M16 9v7",
  "align-across": "M5 4v16M19 4v16M12 8v8",
  "align-down": "M4 5h16M4 19h16M8 12h8",
  key: "M15 4a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11.5 12.5L4 20M6.5 17.5l2 2",
  pin: "M9 4h6l-1 6 4 4H6l4-4zM12 14v7",
  home: "M4 11l8-7 8 7M6 10v10h12V10M10 20v-6h4v6",
  server: "M4 4h16v7H4zM4 13h16v7H4zM8 7.5h.5M8 16.5h.5",
  gear: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.2 2.2M16.2 16.2l2.2 2.2M18.4 5.6l-2.2 2.2M7.8 16.2l-2.2 2.2",
  book: "M5 4h11a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11",
  rail: "M4 4h16v16H4zM9 4v16",
  menu: "M4 6h16M4 12h16M4 18h16",
  star: "M12 4l2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z",
  dots: "M6 12h.5M12 12h.5M18 12h.5",
};

/** Drawing of 24 × 24, or the letters of a language. Hidden from screen readers: a text beside it names it. */
export function Icon({ name, size = 16 }: { name: string; size?: number }) {
  const letters = ICONS[name];
  if (letters) {
    return (
      <span
        aria-hidden="true"
        style={{
          display: "inline-block",
          flex: "none",
          minWidth: size,
          fontSize: size * (letters.length > 2 ? 0.5 : 0.7),
          fontWeight: 700,
          fontFamily: "var(--mono)",
          textAlign: "center",
        }}
      >
        {letters}
      </span>
    );
  }
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name] ?? PATHS.question} />
    </svg>
  );
}

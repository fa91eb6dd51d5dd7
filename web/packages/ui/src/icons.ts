/** Icons as path data on a 24 px grid, drawn with a 1.75 px line. One export each, so that an app ships only what it names. */

export const iconInbox =
  'M4 13h4l1.5 3h5L16 13h4M5.5 5h13l2.5 8v5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18v-5z';
export const iconUser = 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20a7.5 7.5 0 0 1 15 0';
export const iconUsers =
  'M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 19.5a6.5 6.5 0 0 1 13 0M16 4.8a3.5 3.5 0 0 1 0 6.4M18 14.2a6.5 6.5 0 0 1 3.5 5.3';
export const iconQueue = 'M4 6h16M4 12h16M4 18h9';
export const iconAt =
  'M15.5 12a3.5 3.5 0 1 1-7 0 3.5 3.5 0 0 1 7 0Zm0 0v1.5a2.5 2.5 0 0 0 5 0V12a8.5 8.5 0 1 0-3.4 6.8';
export const iconBot =
  'M12 4V7M7 7h10a2.5 2.5 0 0 1 2.5 2.5v6A2.5 2.5 0 0 1 17 18H7a2.5 2.5 0 0 1-2.5-2.5v-6A2.5 2.5 0 0 1 7 7ZM9 12v1.5M15 12v1.5M2 11.5v3M22 11.5v3';
export const iconClock = 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3.2 2';
export const iconCheck = 'M5 12.5 10 17.5 19.5 7';
export const iconCheckAll = 'M2.5 12.5 7 17l9-10M11.5 15.5 13 17l8.5-10';
export const iconCheckCircle = 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8 12.3l2.8 2.7L16 9.5';
export const iconAll = 'M4 5h16v5H4zM4 14h16v5H4z';
export const iconSearch = 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 20.5 20.5';
export const iconPulse = 'M3 12h4l2.5-6.5 5 13L17 12h4';
export const iconBook =
  'M12 6.5C10 5 7.5 4.5 4 4.5v14c3.5 0 6 .5 8 2 2-1.5 4.5-2 8-2v-14c-3.5 0-6 .5-8 2zM12 6.5v14';
export const iconSettings =
  'M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM19.4 13.5a7.6 7.6 0 0 0 0-3l2-1.5-2-3.4-2.3 1a7.6 7.6 0 0 0-2.6-1.5L14.2 2.6H9.8l-.3 2.5a7.6 7.6 0 0 0-2.6 1.5l-2.3-1-2 3.4 2 1.5a7.6 7.6 0 0 0 0 3l-2 1.5 2 3.4 2.3-1a7.6 7.6 0 0 0 2.6 1.5l.3 2.5h4.4l.3-2.5a7.6 7.6 0 0 0 2.6-1.5l2.3 1 2-3.4z';
export const iconClose = 'M6 6l12 12M18 6 6 18';
export const iconPlus = 'M12 5v14M5 12h14';
export const iconChevronDown = 'M6 9.5l6 6 6-6';
export const iconChevronRight = 'M9.5 6l6 6-6 6';
export const iconChevronLeft = 'M14.5 6l-6 6 6 6';
export const iconMore =
  'M5.5 11.3a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4ZM12 11.3a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4ZM18.5 11.3a.7.7 0 1 0 0 1.4.7.7 0 0 0 0-1.4Z';
export const iconSend = 'M4.5 12 20 4.5 15 20l-3.5-6.5zM11.5 13.5 20 4.5';
export const iconPaperclip =
  'M19.5 11.5 12 19a5 5 0 0 1-7-7l8-8a3.3 3.3 0 0 1 4.7 4.7l-7.9 7.9a1.7 1.7 0 0 1-2.4-2.4L14.5 7';
export const iconNote = 'M5 4h14v10.5L13.5 20H5zM19 14.5h-5.5V20M8.5 8.5h7M8.5 12h4';
export const iconReply = 'M9.5 6.5 4 12l5.5 5.5M4 12h9.5a6.5 6.5 0 0 1 6.5 6.5';
export const iconEdit = 'M4.5 19.5 5.5 15.5 16 5l3 3L8.5 18.5zM14 7l3 3';
export const iconTrash = 'M4.5 6.5h15M9.5 6V4h5v2M6.5 6.5l1 13.5h9l1-13.5M10.5 10.5v6M13.5 10.5v6';
export const iconCopy = 'M9 9h11v11H9zM15 9V4H4v11h5';
export const iconFile = 'M6 3h8l5 5v13H6zM14 3v5h5';
export const iconDownload = 'M12 4v11M7 10.5l5 5 5-5M4.5 20h15';
export const iconEye =
  'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z';
export const iconAlert = 'M12 4 2.8 19.5h18.4zM12 10v4.5M12 17h.01';
export const iconInfo = 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 11v5M12 8h.01';
export const iconVerified =
  'M12 3l2.4 1.8 3-.1.9 2.9 2.4 1.8-1 2.8 1 2.8-2.4 1.8-.9 2.9-3-.1L12 21l-2.4-1.8-3 .1-.9-2.9-2.4-1.8 1-2.8-1-2.8 2.4-1.8.9-2.9 3 .1zM8.5 12.2l2.4 2.3 4.4-4.6';
export const iconSun =
  'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.5V5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3 7 7M17 17l1.7 1.7M5.3 18.7 7 17M17 7l1.7-1.7';
export const iconMoon = 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z';
export const iconGlobe =
  'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3 12h18M12 3c2.5 2.5 3.8 5.6 3.8 9s-1.3 6.5-3.8 9c-2.5-2.5-3.8-5.6-3.8-9S9.5 5.5 12 3Z';
export const iconKey = 'M8 19a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM11.2 11.3 20 2.5M16 6.5l3 3';
export const iconShield =
  'M12 3 4.5 6v5.5c0 4.7 3.2 8 7.5 9.5 4.3-1.5 7.5-4.8 7.5-9.5V6zM9 12l2.2 2.2L15.3 10';
export const iconLogout = 'M14 4H5v16h9M10 12h10.5M17 8l4 4-4 4';
export const iconBolt = 'M13 2.5 5 13.5h6l-1 8 8-11h-6z';
export const iconLink =
  'M10 14a4 4 0 0 0 5.7 0l3.6-3.6a4 4 0 0 0-5.7-5.7L12.5 5.8M14 10a4 4 0 0 0-5.7 0l-3.6 3.6a4 4 0 0 0 5.7 5.7l1.1-1.1';
export const iconImage = 'M4 5h16v14H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15 9.5h.01';
export const iconArrowDown = 'M12 5v14M6 13l6 6 6-6';
export const iconArrowLeft = 'M19 12H5M11 6l-6 6 6 6';
export const iconPanel = 'M4 5h16v14H4zM14.5 5v14';
export const iconSmile =
  'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8.5 14.5c1.8 2.3 5.2 2.3 7 0M9 9.5h.01M15 9.5h.01';
export const iconStar = 'M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9L3.5 9.7l5.9-.8z';
export const iconCommand =
  'M9 9H6.5A2.5 2.5 0 1 1 9 6.5zM9 9h6M9 9v6M15 9V6.5A2.5 2.5 0 1 1 17.5 9zM15 9v6M15 15h2.5a2.5 2.5 0 1 1-2.5 2.5zM15 15H9M9 15v2.5A2.5 2.5 0 1 1 6.5 15z';
export const iconRefresh =
  'M4.5 12a7.5 7.5 0 0 1 13-5.1L20 9.5M20 4.5v5h-5M19.5 12a7.5 7.5 0 0 1-13 5.1L4 14.5M4 19.5v-5h5';
export const iconFlag = 'M5.5 21V4M5.5 4.5h12l-2 4 2 4h-12';
export const iconBellOff =
  'M6.5 16.5V11a5.5 5.5 0 0 1 1-3.1M10 5.9a5.5 5.5 0 0 1 7.5 5.1v5.5l1.5 2H5l1.5-2M10 21h4M4 4l16 16';
export const iconCamera =
  'M4.5 7.5h3L9 5h6l1.5 2.5h3A1.5 1.5 0 0 1 21 9v8.5a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5V9a1.5 1.5 0 0 1 1.5-1.5ZM12 16a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z';
export const iconBell = 'M6.5 16.5V11a5.5 5.5 0 0 1 11 0v5.5l1.5 2H5zM10 21h4';
export const iconHistory = 'M3.5 12a8.5 8.5 0 1 0 2.7-6.2L3.5 8.3M3.5 4v4.5H8M12 7.5V12l3 2';
export const iconMenu = 'M4 7h16M4 12h16M4 17h16';
export const iconTag = 'M4 4h8l8.5 8.5-8 8L4 12zM8 8h.01';

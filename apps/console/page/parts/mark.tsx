export function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" className="mark">
      <rect width="32" height="32" rx="7" />
      <path d="M9 7v18M23 7v18M9 16h14" />
    </svg>
  );
}

import { type FormEvent, useEffect, useState } from "react";

/** Return the submit handler of a form. A submission before the data of the form is loaded takes effect afterwards. */
export function useSubmitWhenLoaded(loaded: boolean, submit: () => void): (event: FormEvent) => void {
  const [requested, setRequested] = useState(false);
  useEffect(() => {
    if (!requested || !loaded) return;
    setRequested(false);
    submit();
  });
  return (event) => {
    event.preventDefault();
    setRequested(true);
  };
}

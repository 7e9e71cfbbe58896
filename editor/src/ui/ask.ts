import { create } from "zustand";

/** Question of a dialog that any part of the page can show. */
export interface Question {
  title: string;
  text: string;
  confirmLabel: string;
  answer: (yes: boolean) => void;
}

export const useQuestion = create<{ question: Question | null }>(() => ({ question: null }));

/** Show a question and return whether the user confirmed it. A newer question takes the place of an open one. */
export function ask(question: Omit<Question, "answer">): Promise<boolean> {
  useQuestion.getState().question?.answer(false);
  return new Promise((resolve) => {
    const answer = (yes: boolean) => {
      useQuestion.setState({ question: null });
      resolve(yes);
    };
    useQuestion.setState({ question: { ...question, answer } });
  });
}

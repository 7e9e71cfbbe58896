import { QueryClientProvider } from "@tanstack/react-query";
import { queries } from "./api/query-client";
import { lazyComponent } from "./lib/lazy-component";
import { router } from "./router";
import { Link } from "./routing/link";
import { RouterProvider } from "./routing/provider";
import { t } from "./texts/t";
import { useQuestion } from "./ui/ask";
import { Failed, Skeleton, Toasts } from "./ui/states";

/** Error of a page that failed or could not be loaded. */
function PageError({ error }: { error: unknown }) {
  return (
    <main>
      <Failed error={error}>
        <Link to="/">{t("shell.toHome")}</Link>
      </Failed>
    </main>
  );
}

const Asked = lazyComponent(() => import("./ui/asked"));
const FALLBACKS = { loading: Skeleton, failed: PageError };

/** Milliseconds after which the frame is shown without its page. */
const PATIENCE_MS = 100;

/** Resolves when the first page can be shown with its data, so that it is rendered once, or when that takes long. */
export const opened: Promise<unknown> = Promise.race([
  router.opened,
  new Promise((resolve) => setTimeout(resolve, PATIENCE_MS)),
]);

export function App() {
  return (
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} fallbacks={FALLBACKS} />
      <Toasts />
      <AskedQuestion />
    </QueryClientProvider>
  );
}

function AskedQuestion() {
  const question = useQuestion((state) => state.question);
  return question && <Asked question={question} />;
}

import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type ValueOf, type ValuePart, valueAddress, valuePart } from "../../api/values";
import { ApiError } from "../../lib/api-error";
import { bytes } from "../../lib/bytes";
import { errorOfFailed } from "../../lib/error-line";
import { parseJson } from "../../lib/exact-number";
import { t } from "../../texts/runs";
import { Button } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { ErrorText } from "../../ui/error-text";
import { Failed, Skeleton } from "../../ui/states";
import type { Json } from "../../workflow/types";
import { useRun } from "../context";
import css from "./data.module.css";
import { JsonTree } from "./json-tree";

const FIRST = 64 << 10;
/** Size in bytes up to which a value is shown as a tree, and of the parts that are read. */
const NEXT = 1 << 20;
const MAX_SHOWN = 4 << 20;

interface Props {
  /** Attribute `data-value`. */
  name: string;
  of: ValueOf;
  /** Only matches of this word are shown. */
  word?: string;
  /** The run or job has failed: its error is shown as text. */
  failed?: boolean;
}

/** Value as a tree. Of a large value the first bytes are shown, and more on request. */
export function RunValue({ name, of, word = "", failed = false }: Props) {
  const { workspace } = useRun();
  const found = useValue(of);
  const parts = found.data?.pages ?? [];
  const size = parts[0]?.size ?? 0;
  const read = parts.reduce((sum, part) => sum + part.bytes, 0);
  const text = useMemo(() => parts.map((part) => part.text).join(""), [parts]);
  const whole = read >= size;
  const value = useMemo(() => (whole && size <= NEXT ? parsed(text) : undefined), [whole, size, text]);
  if (found.isPending) return <Skeleton rows={2} />;
  if (found.isError) return <Unreadable error={found.error} />;
  return (
    <div className={css.value} data-value={name}>
      {value === undefined ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
        <pre className={css.text} tabIndex={0}>
          {text.slice(0, MAX_SHOWN)}
        </pre>
      ) : (
        <Value value={value} word={word} failed={failed} />
      )}
      {(!whole || size > FIRST) && (
        <div className={css.foot}>
          <span>{whole ? bytes(size) : t("runs.partOf", { read: bytes(read), size: bytes(size) })}</span>
          {!whole && read < MAX_SHOWN && (
            <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              {t(size <= NEXT ? "runs.loadAll" : "runs.loadMore")}
            </Button>
          )}
          <a
            className={controls.button}
            data-look="plain"
            href={valueAddress(workspace, of)}
            download={`${of.job}.json`}
          >
            {t("runs.download")}
          </a>
        </div>
      )}
    </div>
  );
}

function Value({ value, word, failed }: { value: Json; word: string; failed: boolean }) {
  const error = failed && word === "" ? errorOfFailed(value) : null;
  if (!error) return <JsonTree value={value} word={word} />;
  return (
    <>
      <ErrorText error={error} label={t("ui.error")} />
      <details className={css.expressions}>
        <summary>{t("runs.asJson")}</summary>
        <JsonTree value={value} word={word} />
      </details>
    </>
  );
}

function useValue(of: ValueOf) {
  const { workspace } = useRun();
  return useInfiniteQuery({
    queryKey: ["value", workspace, of.what, of.job],
    initialPageParam: 0,
    queryFn: ({ pageParam }) => valuePart(workspace, of, pageParam, pageParam === 0 ? FIRST : NEXT),
    getNextPageParam: (last: ValuePart, all: ValuePart[]) => {
      const read = all.reduce((sum, part) => sum + part.bytes, 0);
      return read < last.size ? read : null;
    },
    retry: (count, error) => count < 5 && error instanceof ApiError && error.status === 404,
    retryDelay: 300,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text) as Json;
  } catch {
    return undefined;
  }
}

function Unreadable({ error }: { error: unknown }) {
  if (error instanceof ApiError && error.status === 404) return <p className={css.empty}>{t("runs.noData")}</p>;
  return <Failed error={error} />;
}

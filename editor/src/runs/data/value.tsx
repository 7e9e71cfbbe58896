import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { ApiError } from "../../api/client";
import { type ValueOf, type ValuePart, valueAddress, valuePart } from "../../api/values";
import { bytes } from "../../lib/bytes";
import { Button } from "../../ui/controls";
import controls from "../../ui/controls.module.css";
import { Failed, Skeleton } from "../../ui/states";
import type { Json } from "../../workflow/types";
import { useRun } from "../context";
import css from "./data.module.css";
import { JsonTree } from "./json-tree";

const FIRST = 64 << 10;
/** Up to so many bytes a value is shown as a tree; so much of it is read at once. */
const NEXT = 1 << 20;
const MAX_SHOWN = 4 << 20;

/** A value: as a tree, or, of a large one, how it begins, and as much more of it as is asked for. */
export function RunValue({ label, of, word = "" }: { label: string; of: ValueOf; word?: string }) {
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
    <div className={css.value} data-value={label}>
      {value === undefined ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a long text is scrolled by keyboard
        <pre className={css.text} tabIndex={0}>
          {text.slice(0, MAX_SHOWN)}
        </pre>
      ) : (
        <JsonTree value={value} word={word} />
      )}
      {(!whole || size > FIRST) && (
        <div className={css.foot}>
          <span>{whole ? bytes(size) : `${bytes(read)} of ${bytes(size)}`}</span>
          {!whole && read < MAX_SHOWN && (
            <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
              {size <= NEXT ? "Read the whole" : "Read on"}
            </Button>
          )}
          <a
            className={controls.button}
            data-look="plain"
            href={valueAddress(workspace, of)}
            download={`${of.job}.json`}
          >
            Download
          </a>
        </div>
      )}
    </div>
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
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function Unreadable({ error }: { error: unknown }) {
  if (error instanceof ApiError && error.status === 404) return <p className={css.empty}>There is nothing yet.</p>;
  return <Failed error={error} />;
}

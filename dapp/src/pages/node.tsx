import { Page } from "../components/page";
export function NodePage({ id }: { id: string }) {
  return <Page title={id}>{id}</Page>;
}

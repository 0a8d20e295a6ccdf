export interface Relationships {
  block(ownerId: string, otherId: string): Promise<void>;
  unblock(ownerId: string, otherId: string): Promise<void>;
}

"""Operations and shared locks in SQL."""
